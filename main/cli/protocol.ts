import { UsageError } from './exit.ts';

/** Reads `--protocol`; what Porthole can't carry yet is said plainly. */
export function readProtocol(text: string): 'http' | 'https' {
  if (text === 'http' || text === 'https') return text;
  if (['tcp', 'udp', 'tls'].includes(text))
    throw new UsageError(`--protocol ${text} is not there yet: Porthole carries http and https.`);
  throw new UsageError(`--protocol takes http or https, not "${text}".`);
}
