import { type Failure, failure } from '../../shared/domain/failure.ts';
import { err, ok, type Result } from '../../shared/domain/result.ts';
import { tokenFault } from '../../shared/domain/token.ts';
import { createControlClient } from '../agent/control-client.ts';
import {
  type EdgeAddress,
  type EdgeTrust,
  lastingTrust,
  parseEdgeUrl,
  parseFingerprint,
} from '../agent/edge-address.ts';
import type { FindWay } from '../agent/proxy-choice.ts';
import type { Parsed } from './handlers/context.ts';
import { JOINED_CREDENTIAL, type Joined, placeOf } from './joined-membership.ts';
import type { SettingsStore } from './settings.ts';
import type { Vault } from './vault/vault.ts';

export type JoinInput = Parsed<'cluster:join'>;

/** Checks what can be checked before anything leaves this machine. */
export function parseJoin(
  input: JoinInput,
): Result<{ readonly address: EdgeAddress; readonly trust: EdgeTrust; readonly token: string }, Failure> {
  const address = parseEdgeUrl(input.url);
  if (!address.ok) return address;
  const token = input.token.trim();
  const fault = tokenFault('join', token);
  if (fault !== undefined) return err(failure('token_invalid', { reason: fault }, 'token'));
  const fingerprint = input.fingerprint === undefined ? undefined : parseFingerprint(input.fingerprint);
  if (fingerprint?.ok === false) return fingerprint;
  const trust = {
    ...(input.caPem === undefined ? {} : { caPem: input.caPem }),
    ...(fingerprint === undefined ? {} : { fingerprint: fingerprint.value }),
  };
  return ok({ address: address.value, trust, token });
}

/** What joining needs besides what the user said. */
export interface JoinParts {
  readonly settings: SettingsStore;
  /** Opens the vault, once it is needed. */
  readonly vault: () => Promise<Vault>;
  readonly findWay?: FindWay | undefined;
  /** Gives up. */
  readonly signal: AbortSignal;
}

/**
 * Trades the token for a credential and keeps it: vault first, then settings. If either can't be written, the new
 * agent is signed off again, so that nothing half-made is left at the edge or here.
 */
export async function joinCluster(
  input: JoinInput,
  name: string,
  { settings, vault, findWay, signal }: JoinParts,
): Promise<Result<{ readonly joined: Joined; readonly vault: Vault }, Failure>> {
  const current = settings.get().joined;
  if (current !== undefined) return err(failure('already_joined', { cluster: current.domain }));
  const parsed = parseJoin(input);
  if (!parsed.ok) return parsed;
  const { address, trust, token } = parsed.value;
  const client = createControlClient({ address, trust, findWay });
  const giveUp = (): void => client.close();
  signal.addEventListener('abort', giveUp, { once: true });
  const reply = await client.join(token, name);
  signal.removeEventListener('abort', giveUp);
  client.close();
  if (!reply.ok) return reply;
  const { agentId, credential, cluster } = reply.value;
  const place = { host: address.host, port: address.port, domain: cluster.domain, ...lastingTrust(trust, cluster) };
  const keeper = await vault();
  const joined: Joined = { ...place, agentId, vault: keeper.kind, allowed: [] };
  const stored = await keeper.set(JOINED_CREDENTIAL, credential);
  const noted = stored.ok ? settings.set({ joined }) : stored;
  if (noted.ok) return ok({ joined, vault: keeper });
  if (stored.ok) await keeper.delete(JOINED_CREDENTIAL);
  const member = createControlClient({ ...placeOf(joined), credential, findWay });
  await member.leave();
  member.close();
  return noted;
}
