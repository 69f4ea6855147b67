import type { ListeningSocket, SocketScan } from './listening-socket.ts';
import { nameProcess } from './process-name.ts';
import { runTool } from './run-tool.ts';

/**
 * Reads `netstat -ano`. The name of the state is translated on localised systems; a listening socket is told by its
 * foreign address, which is empty: `0.0.0.0:0` or `[::]:0`.
 */
export function parseNetstat(text: string): ListeningSocket[] {
  const sockets: ListeningSocket[] = [];
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*TCP\s+(?:\[([^\]]+)\]|([0-9.]+)):(\d+)\s+(?:0\.0\.0\.0|\[::\]):0\s+\S+.*?\s(\d+)\s*$/.exec(line);
    if (match === null) continue;
    const address = (match[1] ?? match[2] ?? '').replace(/%\d+$/, '');
    sockets.push({ address, port: Number(match[3]), pid: Number(match[4]) });
  }
  return sockets;
}

/** Reads `tasklist /FO CSV /NH`: image names by pid. */
export function parseTasklist(text: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split(/\r?\n/)) {
    const match = /^"((?:[^"]|"")*)","(\d+)"/.exec(line);
    const name = match?.[1] === undefined ? undefined : nameProcess(match[1].replaceAll('""', '"'));
    if (name !== undefined) names.set(Number(match?.[2]), name);
  }
  return names;
}

/** A scan with Windows' own tools; the task list is asked for only when a new process listens. */
export function createWindowsScan(run = runTool): SocketScan {
  let names = new Map<number, string>();
  return async (signal) => {
    const sockets = parseNetstat(await run('netstat', ['-ano'], signal));
    if (sockets.some((socket) => socket.pid !== undefined && !names.has(socket.pid)))
      names = parseTasklist(await run('tasklist', ['/FO', 'CSV', '/NH'], signal));
    return sockets.map((socket) => {
      const process = socket.pid === undefined ? undefined : names.get(socket.pid);
      return process === undefined ? socket : { ...socket, process };
    });
  };
}
