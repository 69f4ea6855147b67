import { create } from 'qrcode';
import { useMemo } from 'react';
import { t } from '../strings/strings.ts';

/** Modules of white around the code, so that cameras find it (ISO/IEC 18004). */
const QUIET = 4;

/** `text` as a QR code: black on white in every theme, because cameras expect that. */
export function QrCode({ text }: { readonly text: string }) {
  const { size, path } = useMemo(() => {
    const { modules } = create(text, { errorCorrectionLevel: 'M' });
    let drawn = '';
    for (let y = 0; y < modules.size; y++)
      for (let x = 0; x < modules.size; x++) if (modules.get(y, x) !== 0) drawn += `M${x + QUIET} ${y + QUIET}h1v1h-1z`;
    return { size: modules.size + 2 * QUIET, path: drawn };
  }, [text]);
  return (
    <svg
      role="img"
      aria-label={t.share.qrAlt(text)}
      viewBox={`0 0 ${size} ${size}`}
      shapeRendering="crispEdges"
      className="forced-shape size-56 max-w-full self-center rounded-8"
    >
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
