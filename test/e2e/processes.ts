import { execFileSync } from 'node:child_process';

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly state: string;
  readonly command: string;
}

function processes(): readonly Process[] {
  const text = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' });
  return text.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line);
    if (match === null) return [];
    return [{ pid: Number(match[1]), parent: Number(match[2]), state: match[3] ?? '', command: match[4] ?? '' }];
  });
}

/** The embedded edge's process under the shell `pid`: a Node child, or Electron's utility process for Node. */
export function edgeOf(pid: number): number | undefined {
  const isEdge = /main\/edge\.js|node\.mojom\.NodeService/;
  return processes().find((process) => process.parent === pid && isEdge.test(process.command))?.pid;
}

/** Those of `pids` that still run; a dead one that nobody has waited for yet does not. */
export const running = (pids: readonly number[]): readonly number[] =>
  processes()
    .filter((process) => pids.includes(process.pid) && !process.state.startsWith('Z'))
    .map((process) => process.pid);

/** Everything that `pid` started, and what that started, and so on; without `pid` itself. */
export function descendants(pid: number): readonly number[] {
  const all = processes();
  const found = [pid];
  for (const parent of found) for (const process of all) if (process.parent === parent) found.push(process.pid);
  return found.slice(1);
}
