import { randomBytes } from 'node:crypto';
import { hashToken } from '../../edge/store/credential.ts';
import type { Agent, Store } from '../../edge/store/store.ts';
import { createId } from '../../shared/domain/id.ts';
import type { Result } from '../../shared/domain/result.ts';
import type { Service } from '../../shared/domain/service.ts';

export const LIMITS = { services: 1000, exposures: 10 };
export const NOW = 1_700_000_000_000;
export const HOUR = 3600_000;

/** The value of a success; a failure fails the test with its words. */
export function must<T, E>(result: Result<T, E>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

export function newAgent(name = 'laptop'): Agent {
  const id = createId(NOW, randomBytes);
  return { id, name, credentialHash: hashToken(`credential of ${id}`), createdAt: NOW };
}

export function newService(ownerId: string, label: string, more: Partial<Service> = {}): Service {
  return {
    id: createId(NOW, randomBytes),
    name: label,
    mode: 'http',
    domain: `${label}.localhost`,
    targets: [
      {
        id: createId(NOW, randomBytes),
        agentId: ownerId,
        type: 'agent',
        host: 'localhost',
        port: 3000,
        protocol: 'http',
        path: '/',
        enabled: true,
        skipTlsVerify: false,
        connectTimeout: 10_000,
      },
    ],
    enabled: true,
    passHostHeader: false,
    source: 'permanent',
    ownerId,
    createdAt: NOW,
    ...more,
  };
}

/** Joins an agent with a token of its own. */
export async function joinAgent(store: Store, agent = newAgent()): Promise<Agent> {
  const hash = hashToken(`token of ${agent.id}`);
  must(await store.createJoinToken({ hash, createdAt: NOW, expiresAt: NOW + HOUR }));
  return must(await store.join(hash, agent));
}
