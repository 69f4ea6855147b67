/** In which form a client wants to be answered. */
export type AnswerKind = 'html' | 'json' | 'text';

/** What a client that sends this `Accept` wants to read (RFC 9110 section 12.5.1); text when it names neither. */
export function preferredKind(accept: string): AnswerKind {
  let html = 0;
  let json = 0;
  for (const range of accept.toLowerCase().split(',').slice(0, 32)) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const quality = parameters.find((p) => p.startsWith('q='));
    const weight = quality === undefined ? 1 : Number(quality.slice(2)) || 0;
    if (type === 'text/html' || type === 'application/xhtml+xml') html = Math.max(html, weight);
    else if (type === 'application/json' || /^[a-z]+\/[a-z0-9.-]+\+json$/.test(type)) json = Math.max(json, weight);
  }
  if (json > 0 && json >= html) return 'json';
  return html > 0 ? 'html' : 'text';
}
