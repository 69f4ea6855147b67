import type { LogFilter, LogScope } from './access-log.ts';

/** The condition of a search as SQL with its parameters. Values are always bound, never part of the text. */
export function whereOf(
  scope: LogScope,
  filter: LogFilter,
): { readonly sql: string; readonly parameters: (string | number)[] } {
  const terms: string[] = [];
  const parameters: (string | number)[] = [];
  const add = (term: string, ...values: (string | number)[]): void => {
    terms.push(`(${term})`);
    parameters.push(...values);
  };
  add(
    'service_id in (select value from json_each(?)) or agent_id = ?',
    JSON.stringify(scope.serviceIds),
    scope.agentId,
  );
  if (filter.service !== undefined)
    add('service_id in (select value from json_each(?))', JSON.stringify([filter.service].flat()));
  if (filter.text !== undefined && filter.text !== '') {
    const columns = ['path', 'host', 'address', "coalesce(user_agent, '')"];
    const text = filter.text.toLowerCase();
    add(columns.map((c) => `instr(lower(${c}), ?) > 0`).join(' or '), ...columns.map(() => text));
  }
  if (filter.method !== undefined) add('method = ?', filter.method.toUpperCase());
  if (filter.status !== undefined) {
    const first = Number(filter.status.replace('xx', '00'));
    add('status between ? and ?', first, filter.status.endsWith('xx') ? first + 99 : first);
  }
  if (filter.path !== undefined) add('instr(lower(path), ?) > 0', filter.path.toLowerCase());
  if (filter.address !== undefined) add('address = ?', filter.address.toLowerCase());
  if (filter.country !== undefined) add('country = ?', filter.country.toUpperCase());
  if (filter.user !== undefined) add("instr(lower(coalesce(user, '')), ?) > 0", filter.user.toLowerCase());
  if (filter.auth !== undefined) add('auth = ? or failure = ? or observed = ?', filter.auth, filter.auth, filter.auth);
  if (filter.since !== undefined) add('time >= ?', filter.since);
  if (filter.until !== undefined) add('time <= ?', filter.until);
  return { sql: terms.join(' and '), parameters };
}
