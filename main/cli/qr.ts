/** `text` as a QR code in block characters, to be printed. */
export async function drawQr(text: string): Promise<string> {
  const { default: qrcode } = await import('qrcode');
  return qrcode.toString(text, { type: 'utf8' });
}
