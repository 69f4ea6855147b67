/** The part of `qrcode` in use; the package carries no types. */
declare module 'qrcode' {
  const qrcode: {
    /** Draws the text in characters, for terminals. */
    toString(text: string, options: { readonly type: 'utf8' }): Promise<string>;
  };
  export default qrcode;
}
