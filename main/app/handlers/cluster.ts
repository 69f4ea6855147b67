import type { Context, Handlers } from './context.ts';

/** Belonging to a cluster, and trusting its certificate. */
export function clusterHandlers(context: Context): Handlers<'cluster:join' | 'cluster:leave' | 'trust:install'> {
  return {
    'cluster:join': (input) => context.join(input),
    'cluster:leave': () => context.leave(),
    'trust:install': () => context.installTrust(),
  };
}
