import type { ListeningSocket, SocketScan } from './listening-socket.ts';
import { isEdge, nameProcess } from './process-name.ts';
import { runTool } from './run-tool.ts';

/** Reads `lsof -nP -iTCP -sTCP:LISTEN -F pcn`: a line a field, `p` pid, `c` command, `n` address:port. */
export function parseLsof(text: string): ListeningSocket[] {
  const sockets: ListeningSocket[] = [];
  let pid: number | undefined;
  let command: string | undefined;
  for (const line of text.split('\n')) {
    const value = line.slice(1);
    if (line.startsWith('p')) {
      pid = Number(value);
      command = undefined;
    } else if (line.startsWith('c')) {
      // lsof writes bytes outside ASCII, and spaces, as \xNN.
      command = value.replace(/\\x([0-9a-fA-F]{2})/g, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      );
    } else if (line.startsWith('n')) {
      const match = /^(?:\[([0-9A-Fa-f:.%\w]+)\]|([^:]+)):(\d+)$/.exec(value);
      const process = nameProcess(command);
      if (match === null || pid === undefined) continue;
      sockets.push({
        address: match[1] ?? (match[2] === '*' ? '0.0.0.0' : (match[2] ?? '')),
        port: Number(match[3]),
        pid,
        ...(process === undefined ? {} : { process }),
      });
    }
  }
  return sockets;
}

/** What a process's arguments tell of it. */
type Told = Pick<ListeningSocket, 'process' | 'edge'>;

/** Reads `ps -ww -o pid=,args=`, by pid. Arguments are cut at spaces, since ps doesn't quote them. */
export function parsePs(text: string): Map<number, Told> {
  const told = new Map<number, Told>();
  for (const line of text.split('\n')) {
    const match = /^\s*(\d+)\s+(.+)$/.exec(line);
    const args = match?.[2]?.trim().split(/\s+/) ?? [];
    const name = nameProcess(undefined, args);
    if (name !== undefined) told.set(Number(match?.[1]), { process: name, ...(isEdge(args) ? { edge: true } : {}) });
  }
  return told;
}

/** A scan with macOS's own tools; arguments are asked for once a process. */
export function createDarwinScan(run = runTool): SocketScan {
  let known = new Map<number, Told>();
  return async (signal) => {
    const sockets = parseLsof(await run('lsof', ['-nP', '+c', '0', '-iTCP', '-sTCP:LISTEN', '-F', 'pcn'], signal));
    const pids = new Set(sockets.flatMap((socket) => socket.pid ?? []));
    known = new Map([...known].filter(([pid]) => pids.has(pid)));
    const unknown = [...pids].filter((pid) => !known.has(pid)).slice(0, 500);
    if (unknown.length > 0) {
      const told = parsePs(await run('ps', ['-ww', '-o', 'pid=,args=', '-p', unknown.join(',')], signal));
      for (const [pid, one] of told) known.set(pid, one);
    }
    return sockets.map((socket) => {
      // An application's path may hold spaces, which ps shows unquoted; then the command itself is the better name.
      const told = socket.pid === undefined ? undefined : known.get(socket.pid);
      return told === undefined || socket.process?.startsWith(`${told.process} `) ? socket : { ...socket, ...told };
    });
  };
}
