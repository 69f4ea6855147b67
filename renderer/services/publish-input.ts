import type { AuthPatch } from '../../shared/contract/control-api.ts';
import type { Input } from '../../shared/contract/ipc.ts';
import { checkPassword, checkPin } from '../../shared/domain/auth-rules.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { type DirectMode, isPort } from '../../shared/domain/service.ts';
import { t } from '../strings/strings.ts';

/** What stands in the form, as typed. */
export interface PublishDraft {
  readonly port: string;
  readonly host: string;
  readonly protocol: Protocol;
  readonly name: string;
  /** What visitors connect to; only where `hasPort`. */
  readonly listenPort?: string;
  /** Who may open it; only of what isn't `hasPort`. */
  readonly audience: Audience;
  /** The PIN or password, where `audience` needs one. */
  readonly secret: string;
}

/** Whom a new service lets in. */
export const AUDIENCES = ['anyone', 'pin', 'password', 'link'] as const;
export type Audience = (typeof AUDIENCES)[number];

/** Whether the audience has to know something. */
export const hasSecret = (audience: Audience): audience is 'pin' | 'password' =>
  audience === 'pin' || audience === 'password';

/** Whom the service of a draft lets in: what isn't a web page can't ask anybody. */
export const audienceOfDraft = ({ protocol, audience }: PublishDraft): Audience =>
  hasPort(protocol) ? 'anyone' : audience;

/** What a server may speak, the usual first. */
export const PROTOCOLS = ['http', 'https', 'tcp', 'tls', 'udp'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** Whether a service of this protocol may have a port of its own at the edge. */
export const hasPort = (protocol: Protocol): protocol is DirectMode => protocol !== 'http' && protocol !== 'https';

export const EMPTY_DRAFT: PublishDraft = {
  port: '',
  host: '',
  protocol: 'http',
  name: '',
  audience: 'anyone',
  secret: '',
};

/**
 * The call's input, or what is wrong with a port: main is asked everything else, but a text that is no number can't
 * even be sent.
 */
export function toInput(draft: PublishDraft): Result<Input<'services:publish'>, Failure> {
  const port = readPort(draft.port, 'port');
  if (!port.ok) return port;
  const wanted = hasPort(draft.protocol) ? (draft.listenPort ?? '').trim() : '';
  const listenPort = wanted === '' ? undefined : readPort(wanted, 'listenPort');
  if (listenPort?.ok === false) return listenPort;
  const auth = readAuth(draft);
  if (!auth.ok) return auth;
  const host = draft.host.trim();
  const name = draft.name.trim();
  return ok({
    port: port.value,
    protocol: draft.protocol,
    ...(host === '' ? {} : { host }),
    ...(name === '' ? {} : { name }),
    ...(listenPort === undefined ? {} : { listenPort: listenPort.value }),
    ...(auth.value === undefined ? {} : { auth: auth.value }),
  });
}

function readPort(text: string, field: 'port' | 'listenPort'): Result<number, Failure> {
  const typed = text.trim().replace(/^:/, '');
  if (typed === '') return err({ code: 'port_invalid', message: t.form.portMissing, field });
  const port = /^\d{1,10}$/.test(typed) ? Number(typed) : Number.NaN;
  return isPort(port) ? ok(port) : err(failure('port_invalid', { port: typed.slice(0, 40) }, field));
}

function readAuth(draft: PublishDraft): Result<AuthPatch | undefined, Failure> {
  switch (audienceOfDraft(draft)) {
    case 'anyone':
      return ok(undefined);
    case 'link':
      return ok({ link: true });
    case 'pin': {
      const pin = checkPin(draft.secret, 'secret');
      return pin.ok ? ok({ pin: pin.value }) : pin;
    }
    case 'password': {
      const password = checkPassword(draft.secret, 'secret');
      return password.ok ? ok({ password: password.value }) : password;
    }
  }
}

const FIELDS: Readonly<Record<string, keyof PublishDraft>> = {
  port: 'port',
  host: 'host',
  protocol: 'protocol',
  mode: 'protocol',
  listenPort: 'listenPort',
  name: 'name',
  subdomain: 'name',
  namePrefix: 'name',
  domain: 'name',
  secret: 'secret',
  pin: 'secret',
  password: 'secret',
  auth: 'audience',
};

/** The field of the form that a failure's path (`targets.0.port`) names; undefined when it concerns the whole form. */
export const fieldOf = (problem: Failure): keyof PublishDraft | undefined =>
  FIELDS[problem.field?.split('.').at(-1) ?? ''];
