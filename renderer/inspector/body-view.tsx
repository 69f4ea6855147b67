import { useMemo } from 'react';
import type { InspectedBody } from '../../shared/contract/inspect.ts';
import { Button } from '../controls/button.tsx';
import { saveFile } from '../controls/save-file.ts';
import { t } from '../strings/strings.ts';
import { formatBytes } from '../time/format.ts';
import { bytesOf, fileNameOf, formFields, hexLines, kindOf, mediaType, prettyJson, textOf } from './body.ts';

/** What is drawn of a long body: characters of text, bytes of hex, fields of a form. */
const MOST_TEXT = 256 * 1024;
const MOST_HEX = 16 * 1024;
const MOST_FIELDS = 500;

const words = t.inspector;

/** Text as data: a text node, its own direction kept to itself. */
const Block = ({ text }: { readonly text: string }) => (
  <pre
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    tabIndex={0}
    dir="ltr"
    className="max-h-[60vh] overflow-auto rounded-8 border border-line bg-sunken p-3 font-mono text-12 [unicode-bidi:isolate] whitespace-pre-wrap wrap-anywhere select-text"
  >
    {text}
  </pre>
);

function Fields({ fields }: { readonly fields: readonly (readonly [string, string])[] }) {
  return (
    <table className="w-full table-fixed text-left text-13 select-text">
      <thead className="text-12 text-muted">
        <tr>
          <th className="w-2/5 py-1 pr-3 font-regular">{words.name}</th>
          <th className="py-1 font-regular">{words.value}</th>
        </tr>
      </thead>
      <tbody className="align-top font-mono text-12">
        {fields.slice(0, MOST_FIELDS).map(([name, value], row) => (
          // Fields may repeat, and never move.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          <tr key={row} className="border-t border-line">
            <td className="py-1 pr-3 wrap-anywhere">{name}</td>
            <td className="py-1 wrap-anywhere whitespace-pre-wrap">{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Content({ body, bytes }: { readonly body: InspectedBody; readonly bytes: Uint8Array }) {
  const kind = useMemo(() => kindOf(body, bytes), [body, bytes]);
  const text = useMemo(() => {
    if (kind === 'hex') return hexLines(bytes, MOST_HEX);
    const plain = kind === 'image' || kind === 'empty' ? '' : (textOf(body, bytes) ?? '');
    return kind === 'json' ? prettyJson(plain) : plain;
  }, [kind, body, bytes]);
  if (kind === 'empty') return <p className="text-13 text-muted">{words.noBody}</p>;
  if (kind === 'image')
    return (
      <img
        src={`data:${mediaType(body)};base64,${body.base64}`}
        alt={words.image}
        className="max-h-[50vh] max-w-full self-start rounded-8 border border-line bg-sunken object-contain"
      />
    );
  if (kind === 'form') return <Fields fields={formFields(text)} />;
  const bound = kind === 'hex' ? bytes.length > MOST_HEX : text.length > MOST_TEXT;
  return (
    <>
      <Block text={text.slice(0, kind === 'hex' ? undefined : MOST_TEXT)} />
      {bound && (
        <p className="text-12 text-muted">{words.shownUpTo(formatBytes(kind === 'hex' ? MOST_HEX : MOST_TEXT))}</p>
      )}
    </>
  );
}

interface BodyProps {
  readonly id: number;
  readonly side: 'request' | 'response';
  readonly body: InspectedBody;
}

/** A body as data: JSON in lines, a form as a table, an image as pixels, anything else as text or hex. */
export function BodyView({ id, side, body }: BodyProps) {
  const bytes = useMemo(() => bytesOf(body), [body]);
  const { type, encoding, size } = body;
  const facts = [
    type,
    formatBytes(size),
    ...(encoding === undefined || body.packed === true ? [] : [words.unpacked(encoding)]),
  ];
  // As bytes of no type: saved and never shown.
  const save = (): void =>
    saveFile(new Blob([bytes], { type: 'application/octet-stream' }), fileNameOf(id, side, body));
  return (
    <div className="flex min-w-0 flex-col gap-3">
      {size > 0 && (
        <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
          <p className="min-w-0 flex-1 text-12 text-muted wrap-anywhere">
            {facts.filter((fact) => fact !== undefined).join(' · ')}
          </p>
          {bytes.length > 0 && <Button onClick={save}>{words.save}</Button>}
        </div>
      )}
      {body.cut && (
        <p className="text-13 font-semibold text-warn">
          {words.cut(formatBytes(bytes.length), formatBytes(Math.max(size, bytes.length)))}
        </p>
      )}
      {body.packed === true && <p className="text-13 text-warn">{words.packed(encoding ?? '')}</p>}
      <Content body={body} bytes={bytes} />
    </div>
  );
}
