import { type AccessRecord, isPassage } from '../../shared/domain/access-record.ts';
import { curlCommand } from '../curl/command.ts';

/** What a name with its port is made of; all else is not repeated in a command that people paste. */
const HOST = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/**
 * The request as a command for a POSIX shell, as far as it is known: the body and the headers beside the user agent are
 * not recorded. `origin` is where the service is found (`https://app.example.com:8443`), when that is known. Undefined
 * for what is no request that curl can make.
 */
export function curlOf(record: AccessRecord, origin?: string): string | undefined {
  const { method, host, path, secure, userAgent } = record;
  if (isPassage(record) || (origin === undefined && !HOST.test(host))) return undefined;
  return curlCommand({ method, origin: origin ?? `${secure ? 'https' : 'http'}://${host}`, path, userAgent });
}
