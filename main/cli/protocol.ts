import { UsageError } from './exit.ts';

const PROTOCOLS = ['http', 'https', 'tcp', 'tls', 'udp'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** Reads `--protocol`. */
export function readProtocol(text: string): Protocol {
  const protocol = PROTOCOLS.find((known) => known === text);
  if (protocol === undefined) throw new UsageError(`--protocol takes http, https, tcp, tls or udp, not "${text}".`);
  return protocol;
}

/** Whether a service of this protocol is carried as it is, without a look inside. */
export const isDirect = (protocol: Protocol): boolean => protocol !== 'http' && protocol !== 'https';
