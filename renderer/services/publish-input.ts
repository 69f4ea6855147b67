import type { Input } from '../../shared/contract/ipc.ts';
import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { isPort } from '../../shared/domain/service.ts';
import { t } from '../strings/strings.ts';

/** What stands in the form, as typed. */
export interface PublishDraft {
  readonly port: string;
  readonly host: string;
  readonly protocol: 'http' | 'https';
  readonly name: string;
}

export const EMPTY_DRAFT: PublishDraft = { port: '', host: '', protocol: 'http', name: '' };

/**
 * The call's input, or what is wrong with the port: main is asked everything else, but a text that is no number can't
 * even be sent.
 */
export function toInput(draft: PublishDraft): Result<Input<'services:publish'>, Failure> {
  const typed = draft.port.trim().replace(/^:/, '');
  if (typed === '') return err({ code: 'port_invalid', message: t.form.portMissing, field: 'port' });
  const port = /^\d{1,10}$/.test(typed) ? Number(typed) : Number.NaN;
  if (!isPort(port)) return err(failure('port_invalid', { port: typed.slice(0, 40) }, 'port'));
  const host = draft.host.trim();
  const name = draft.name.trim();
  return ok({ port, protocol: draft.protocol, ...(host === '' ? {} : { host }), ...(name === '' ? {} : { name }) });
}

const FIELDS: Readonly<Record<string, keyof PublishDraft>> = {
  port: 'port',
  host: 'host',
  protocol: 'protocol',
  name: 'name',
  subdomain: 'name',
  namePrefix: 'name',
  domain: 'name',
};

/** The field of the form that a failure's path (`targets.0.port`) names; undefined when it concerns the whole form. */
export const fieldOf = (problem: Failure): keyof PublishDraft | undefined =>
  FIELDS[problem.field?.split('.').at(-1) ?? ''];
