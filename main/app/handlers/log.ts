import type { Context, Handlers } from './context.ts';

/** The access log. */
export function logHandlers(context: Context): Handlers<'log:query'> {
  return {
    async 'log:query'(query) {
      const agent = await context.agent();
      return agent.ok ? agent.value.control.logs(query) : agent;
    },
  };
}
