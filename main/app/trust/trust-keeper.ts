import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import type { AgentState } from '../../../shared/contract/agent-state.ts';
import type { ClusterInfo } from '../../../shared/contract/control-api.ts';
import type { Outputs } from '../../../shared/contract/ipc.ts';
import { type Failure, failure } from '../../../shared/domain/failure.ts';
import { because } from '../../../shared/domain/reason.ts';
import { err, ok, type Result } from '../../../shared/domain/result.ts';
import { systemReason } from '../../../shared/node/system-reason.ts';
import { writePrivate } from '../private-file.ts';
import type { SettingsStore } from '../settings.ts';
import { installAuthority, isPresent } from './install.ts';
import type { Authority } from './stores.ts';
import { systemTrust, type TrustSystem } from './system.ts';

export type TrustOutcome = Outputs['trust:install'];

/** Whether this machine trusts the cluster's private CA, and how it comes to. */
export interface TrustKeeper {
  /** At once, as it was when last seen; that it isn't so any more shows with the next change. */
  stateFor(cluster: ClusterInfo | undefined): AgentState['trust'];
  install(cluster: ClusterInfo): Promise<Result<TrustOutcome, Failure>>;
}

export interface TrustKeeperOptions {
  readonly settings: SettingsStore;
  readonly home: string;
  readonly onChange: () => void;
  readonly system?: TrustSystem;
}

/**
 * "Trusted" means: it was installed from here, and it is still where it was put. A CA that the user took out again
 * counts as untrusted from the next start on.
 */
export function createTrustKeeper({ settings, home, onChange, system }: TrustKeeperOptions): TrustKeeper {
  const machine = system ?? systemTrust();
  /** Fingerprint → what a look found. One cluster at a time: at most a few in the life of an app. */
  const seen = new Map<string, boolean>();

  let last: { readonly pem: string; readonly authority: Authority | undefined } | undefined;
  const authorityOf = (pem: string): Authority | undefined => {
    if (last?.pem !== pem) last = { pem, authority: readAuthority(pem, home) };
    return last.authority;
  };

  function look(authority: Authority): boolean {
    const known = seen.get(authority.fingerprint);
    if (known !== undefined) return known;
    const recorded = settings.get().trusted.includes(authority.fingerprint);
    seen.set(authority.fingerprint, recorded);
    if (recorded)
      void isPresent(authority, machine).then((present) => {
        seen.set(authority.fingerprint, present);
        if (!present) onChange();
      });
    return recorded;
  }

  return {
    stateFor(cluster) {
      if (cluster?.caPem === undefined) return cluster === undefined ? 'untrusted' : 'none';
      const authority = authorityOf(cluster.caPem);
      return authority !== undefined && look(authority) ? 'trusted' : 'untrusted';
    },
    async install(cluster) {
      if (cluster.caPem === undefined) return ok({ trusted: true, steps: [] });
      const authority = authorityOf(cluster.caPem);
      if (authority === undefined) return err(failure('trust_failed', { reason: because('not_authority') }));
      try {
        writePrivate(authority.file, authority.pem);
      } catch (error) {
        return err(failure('home_unwritable', { path: authority.file, reason: systemReason(error) }));
      }
      const outcomes = await installAuthority(authority, machine);
      const steps = outcomes.map((o) => o.step);
      const browsers = outcomes.filter((o) => o.browsers);
      const trusted = (browsers.length > 0 ? browsers : outcomes).some(
        ({ step }) => step.outcome === 'installed' || step.outcome === 'already',
      );
      if (trusted) {
        const others = settings.get().trusted.filter((f) => f !== authority.fingerprint);
        const noted = settings.set({ trusted: [...others, authority.fingerprint].slice(-100) });
        if (!noted.ok) return noted;
      }
      seen.set(authority.fingerprint, trusted);
      onChange();
      return ok({ trusted, steps });
    },
  };
}

/** The one certificate in the PEM text, if it is an authority. */
function readAuthority(pem: string, home: string): Authority | undefined {
  try {
    const certificate = new X509Certificate(pem);
    if (!certificate.ca) return undefined;
    const fingerprint = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
    return {
      pem: certificate.toString(),
      fingerprint,
      sha1: certificate.fingerprint.replaceAll(':', '').toLowerCase(),
      name: `Porthole ${fingerprint.slice(0, 8)}`,
      file: join(home, `ca-${fingerprint.slice(0, 16)}.crt`),
    };
  } catch {
    return undefined;
  }
}
