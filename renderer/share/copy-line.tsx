import { useState } from 'react';
import { Button } from '../controls/button.tsx';
import { Icon } from '../controls/icons.tsx';
import { useCopy } from '../services/use-copy.ts';
import { t } from '../strings/strings.ts';
import { QrCode } from './qr-code.tsx';

/** An address to hand on: copied with one click, or scanned. */
export function CopyLine({ url, primary }: { readonly url: string; readonly primary: boolean }) {
  const { copied, copy } = useCopy('no');
  const [scan, setScan] = useState(false);
  return (
    <div className="flex flex-col gap-3">
      <code className="rounded-8 bg-sunken px-3 py-2 text-13 select-all wrap-anywhere">{url}</code>
      <div className="flex flex-wrap gap-2">
        <Button look={primary ? 'primary' : 'plain'} onClick={() => copy(url)}>
          <Icon name={copied === 'yes' ? 'check' : 'copy'} />
          {copied === 'yes' ? t.services.copied : t.services.copy}
        </Button>
        <Button aria-expanded={scan} onClick={() => setScan(!scan)}>
          {scan ? t.share.hideQr : t.share.qr}
        </Button>
      </div>
      <p role="status" className={copied === 'failed' ? 'text-13 font-semibold text-bad' : 'sr-only'}>
        {copied === 'yes' ? t.services.copiedAloud : copied === 'failed' ? t.services.copyFailed : ''}
      </p>
      {scan && <QrCode text={url} />}
    </div>
  );
}
