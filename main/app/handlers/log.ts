import type { Context, Handlers } from './context.ts';

/** The access log. */
export function logHandlers(context: Context): Handlers<'log:query' | 'log:stats'> {
  return {
    async 'log:query'(query) {
      const agent = await context.agent();
      return agent.ok ? agent.value.control.logs(query) : agent;
    },
    async 'log:stats'(query) {
      const agent = await context.agent();
      return agent.ok ? agent.value.control.logStats(query) : agent;
    },
  };
}
