import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Secrets } from '../guard.ts';
import type { ClusterKey } from './cluster-key.ts';

/** A new key pair for the sessions of one service and epoch (Ed25519), as the store keeps it. */
export function newKeyPair(cluster: ClusterKey): Pick<Secrets, 'publicKey' | 'privateKey'> {
  const pair = generateKeyPairSync('ed25519');
  return {
    publicKey: pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    privateKey: cluster.seal(pair.privateKey.export({ type: 'pkcs8', format: 'der' })),
  };
}

/** The keys of services, ready for use for as long as the route table holds on to their secrets. */
export class SessionKeys {
  readonly #cluster: ClusterKey;
  readonly #public = new WeakMap<Secrets, KeyObject | undefined>();
  readonly #private = new WeakMap<Secrets, KeyObject | undefined>();

  constructor(cluster: ClusterKey) {
    this.#cluster = cluster;
  }

  /** `undefined` when what is stored is no such key. */
  verifier(secrets: Secrets): KeyObject | undefined {
    if (!this.#public.has(secrets)) this.#public.set(secrets, publicKey(secrets.publicKey));
    return this.#public.get(secrets);
  }

  /** `undefined` also when this node has another cluster key than the one it was sealed with. */
  signer(secrets: Secrets): KeyObject | undefined {
    if (!this.#private.has(secrets)) this.#private.set(secrets, this.#unseal(secrets.privateKey));
    return this.#private.get(secrets);
  }

  #unseal(sealed: string): KeyObject | undefined {
    const key = this.#cluster.open(sealed);
    if (key === undefined) return undefined;
    try {
      return createPrivateKey({ key, type: 'pkcs8', format: 'der' });
    } catch {
      return undefined;
    }
  }
}

function publicKey(text: string): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: Buffer.from(text, 'base64'), type: 'spki', format: 'der' });
    return key.asymmetricKeyType === 'ed25519' ? key : undefined;
  } catch {
    return undefined;
  }
}
