import { execFile } from 'node:child_process';
import { homedir } from 'node:os';

export interface CommandOutcome {
  /** `undefined` when the command isn't on this machine or was ended by a signal. */
  readonly code: number | undefined;
  /** The system has no such command. */
  readonly missing: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

export type Command = readonly [string, ...string[]];

/** The machine whose stores are touched; tests give another. */
export interface TrustSystem {
  readonly platform: NodeJS.Platform;
  readonly home: string;
  /** Where the file system begins; `/` except in tests. */
  readonly root: string;
  /** Whether the system's own folders can be written as they are. */
  readonly privileged: boolean;
  /** Whether a graphical question for a password would be seen by somebody. */
  readonly graphical: boolean;
  /** Runs a command to its end; never rejects. */
  run(command: Command): Promise<CommandOutcome>;
}

/** A person may be asked for a password meanwhile. */
const TIMEOUT = 120_000;

/** This machine as it is; `env` tells whether there is a graphical desktop. */
export function systemTrust(env: NodeJS.ProcessEnv = process.env): TrustSystem {
  return {
    platform: process.platform,
    home: homedir(),
    root: '/',
    privileged: process.getuid?.() === 0,
    graphical: Boolean(env.DISPLAY || env.WAYLAND_DISPLAY),
    run: runCommand,
  };
}

/** Runs `command` without a shell. Never rejects. */
export function runCommand([file, ...args]: Command): Promise<CommandOutcome> {
  return new Promise((resolve) => {
    const child = execFile(file, args, { timeout: TIMEOUT, maxBuffer: 1 << 20 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : undefined;
      resolve({ code, missing: error?.code === 'ENOENT', stdout, stderr });
    });
    // Nothing here reads: a tool that asks a question gets the end of the input, not a hang.
    child.stdin?.end();
  });
}
