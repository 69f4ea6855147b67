import type { Failure } from '../../../shared/domain/failure.ts';
import type { Result } from '../../../shared/domain/result.ts';
import type { Agent } from '../../agent/agent.ts';
import type { Context, Handlers } from './context.ts';

type ShareChannel = 'services:signOut' | 'shares:create' | 'shares:list' | 'shares:revoke';

/** Who may come in to this laptop's services: share links, and ending everybody's sessions. */
export function shareHandlers(context: Context): Handlers<ShareChannel> {
  const withAgent = async <T>(work: (agent: Agent) => Promise<Result<T, Failure>>): Promise<Result<T, Failure>> => {
    const agent = await context.agent();
    return agent.ok ? work(agent.value) : agent;
  };
  return {
    'services:signOut': ({ id }) => withAgent((agent) => agent.control.signOut(id)),
    'shares:create': ({ serviceId, ...share }) => withAgent((agent) => agent.control.createShare(serviceId, share)),
    'shares:list': ({ serviceId }) => withAgent((agent) => agent.control.shares(serviceId)),
    'shares:revoke': ({ id }) => withAgent((agent) => agent.control.revokeShare(id)),
  };
}
