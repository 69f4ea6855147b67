/** What the compiler can't see: who imports whom across rooms, and who may touch Electron. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
const ROOMS = ['shared', 'main', 'edge', 'renderer'];
const IMPORT = /(?:^|\n)\s*(?:import|export)\s(?:[^'"]*?\sfrom\s)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

interface Edge {
  readonly from: string;
  readonly to: string;
}

const sources = ROOMS.flatMap((room) =>
  readdirSync(path.join(root, room), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file))
    .map((file) => path.posix.join(room, file.split(path.sep).join('/'))),
);

const imports: readonly Edge[] = sources.flatMap((from) =>
  [...readFileSync(path.join(root, from), 'utf8').matchAll(IMPORT)].map((match) => {
    const specifier = match[1] ?? match[2] ?? '';
    const to = specifier.startsWith('.') ? path.posix.join(path.posix.dirname(from), specifier) : specifier;
    return { from, to };
  }),
);

const within = (file: string, room: string) => file === room || file.startsWith(`${room}/`);
const offenders = (test: (edge: Edge) => boolean) => imports.filter(test).map((e) => `${e.from} → ${e.to}`);

/** Each room and the rooms of ours that it may import; itself always. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  'shared/domain': [],
  'shared/contract': ['shared/domain'],
  'shared/words': ['shared/domain'],
  'shared/wire': ['shared/domain'],
  'shared/node': ['shared'],
  'main/agent': ['shared'],
  'main/app': ['shared', 'main/agent'],
  'main/web': ['shared', 'main/agent', 'main/app'],
  'main/desktop': ['shared', 'main/agent', 'main/app'],
  'main/cli': ['shared', 'main/agent', 'main/app', 'main/web'],
  edge: ['shared'],
  renderer: ['shared/domain', 'shared/contract', 'shared/words'],
};

describe('rooms', () => {
  it('are all known here', () => {
    const strangers = sources.filter((file) => !Object.keys(MAY_IMPORT).some((room) => within(file, room)));
    expect(strangers).toEqual([]);
    expect(sources.length).toBeGreaterThan(50);
  });

  it.each(Object.entries(MAY_IMPORT))('%s imports only what it may', (room, allowed) => {
    const bad = offenders(
      ({ from, to }) =>
        within(from, room) &&
        ROOMS.some((r) => within(to, r)) &&
        !within(to, room) &&
        !allowed.some((a) => within(to, a)),
    );
    expect(bad).toEqual([]);
  });

  it('leave the repository by no relative path', () => {
    expect(offenders(({ to }) => to.startsWith('..'))).toEqual([]);
  });
});

describe('edge stages', () => {
  const STAGES = ['listen', 'route', 'access', 'auth', 'proxy', 'relay', 'tunnels'];

  it('never import one another', () => {
    const stageOf = (file: string) => STAGES.find((stage) => within(file, `edge/${stage}`));
    const bad = offenders(({ from, to }) => {
      const a = stageOf(from);
      const b = stageOf(to);
      return a !== undefined && b !== undefined && a !== b;
    });
    expect(bad).toEqual([]);
  });
});

describe('platforms', () => {
  it('keep electron to main/desktop, and electron-store with it', () => {
    expect(offenders(({ from, to }) => /^electron(?:\/|-store|$)/.test(to) && !within(from, 'main/desktop'))).toEqual(
      [],
    );
  });

  it('keep Node out of what the renderer and the protocol share', () => {
    expect(
      offenders(
        ({ from, to }) =>
          to.startsWith('node:') &&
          ['shared/domain', 'shared/contract', 'shared/words', 'shared/wire', 'renderer'].some((room) =>
            within(from, room),
          ),
      ),
    ).toEqual([]);
  });

  it('keep the wire protocol free of dependencies', () => {
    expect(offenders(({ from, to }) => within(from, 'shared/wire') && !to.startsWith('shared/'))).toEqual([]);
  });
});
