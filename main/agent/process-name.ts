/** What people call a process: pure, from its command name and its arguments. */

/** Programs that run a script; people think of the script. */
const RUNTIME = /^(?:node|nodejs|bun|deno|python[0-9.]*|pypy[0-9.]*|ruby[0-9.]*|php[0-9.]*|perl[0-9.]*|tsx|ts-node)$/;
/** File names that say nothing: the folder says more. */
const NONDESCRIPT = /^(?:index|main|server|cli|start|bin|app|run|__main__|dist|build|src|lib|out)$/;
/** Options of runtimes that take the next argument as their value. */
const WITH_VALUE = /^(?:-r|--require|--import|--loader|--experimental-loader|-C|--conditions|-X|-W|-I|--env-file)$/;
/** Words between a runtime and its script, as in `bun run dev`. */
const RUN_WORD = /^(?:run|serve|x|exec|task|watch)$/;
const LONGEST = 64;

const segmentsOf = (path: string): string[] => path.split(/[\\/]+/).filter((part) => part !== '' && part !== '.');
const stem = (file: string): string => file.replace(/\.(?:exe|[cm]?[jt]sx?|py|rb|php|pl|pyz|jar)$/i, '');

/** The name of a script by its path: its package under `node_modules`, else its file, else its folder. */
function scriptName(path: string): string | undefined {
  const segments = segmentsOf(path);
  const modules = segments.lastIndexOf('node_modules');
  if (modules !== -1) {
    const [first, second] = segments.slice(modules + 1);
    return stem((first === '.bin' || first?.startsWith('@') ? second : first) ?? '') || undefined;
  }
  return segments.map(stem).findLast((name, i) => i >= segments.length - 3 && !NONDESCRIPT.test(name) && name !== '..');
}

function runtimeScript(args: readonly string[]): string | undefined {
  for (let i = 1; i < args.length; i++) {
    const arg = args[i] ?? '';
    if (arg === '-m') return args[i + 1];
    if (/^(?:-e|--eval|-c|-p|--print|-S)$/.test(arg)) return undefined;
    if (WITH_VALUE.test(arg)) i++;
    else if (!arg.startsWith('-') && !RUN_WORD.test(arg)) return scriptName(arg);
  }
  return undefined;
}

/** The edge's entry, from its sources or from the bundle. */
const EDGE_ENTRY = /(?:^|[\\/])(?:edge[\\/]main\.ts|out[\\/]main[\\/]edge\.js)$/;

/** Whether these are the arguments of an edge of Porthole: its file, and what none but it is told. */
export const isEdge = (args: readonly string[]): boolean =>
  args.some((arg) => EDGE_ENTRY.test(arg)) && args.includes('--data-dir') && args.includes('--domain');

/**
 * A name such as `vite`, `next-server`, `http.server` or `postgres` from the system's `command` (which may be cut
 * short) and the process's arguments; `undefined` when neither says anything.
 */
export function nameProcess(command: string | undefined, args: readonly string[] = []): string | undefined {
  const first = args[0] ?? '';
  // A title that the process gave itself, such as `nginx: master process nginx` or `next-server (v15.1.0)`.
  const titled = args.length <= 1 && !/^[/\\.]|^[A-Za-z]:\\/.test(first);
  const program = titled ? (first.split(/[\s:]/)[0] ?? '') : (segmentsOf(first).at(-1) ?? '');
  const base = stem(program) || stem(command?.trim() ?? '');
  const name = RUNTIME.test(base) ? (runtimeScript(args) ?? base) : base === 'java' ? javaName(args) : base;
  // Names end up in terminals and host names.
  const clean = name
    .replace(/[\u0000-\u001f\u007f-\u009f]/g, '')
    .trim()
    .slice(0, LONGEST);
  return clean === '' ? undefined : clean;
}

function javaName(args: readonly string[]): string {
  const jar = args[args.indexOf('-jar') + 1];
  return args.includes('-jar') && jar !== undefined ? (scriptName(jar) ?? 'java') : 'java';
}
