import { mkdirSync, realpathSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderWatch, foldersOnTheWay } from '../../../edge/certificates/folder-watch.ts';
import { temporaryFolder } from '../../support/folder.ts';

let folder: ReturnType<typeof temporaryFolder>;
let root: string;
beforeEach(() => {
  folder = temporaryFolder();
  root = realpathSync(folder.path);
});
afterEach(() => folder[Symbol.dispose]());
const at = (...parts: string[]): string => path.join(root, ...parts);

describe('the folders on the way to a file', () => {
  it('are its own, without links', async () => {
    expect(await foldersOnTheWay(at('a', 'b.crt'))).toEqual([at('a')]);
  });

  it('are those of every link on the way, relative or absolute, and of where it ends', async () => {
    mkdirSync(at('real', 'deep'), { recursive: true });
    mkdirSync(at('links'));
    symlinkSync(path.join('..', 'real'), at('links', 'relative'));
    symlinkSync(at('links', 'relative', 'deep'), at('current'));
    expect((await foldersOnTheWay(at('current', 'b.crt'))).toSorted()).toEqual(
      [root, at('links'), at('real', 'deep')].toSorted(),
    );
  });

  it('come to an end where links go in a circle', async () => {
    symlinkSync('b', at('a'));
    symlinkSync('a', at('b'));
    expect(await foldersOnTheWay(at('a'))).toEqual([root]);
  });
});

describe('a watch', () => {
  it('tells of changes, goes on with a folder that takes the place of another, and leaves out what is missing', async () => {
    let heard = Promise.withResolvers<void>();
    const blind: string[] = [];
    const watch = new FolderWatch(
      () => heard.resolve(),
      (reason) => blind.push(reason),
    );
    mkdirSync(at('a'));
    mkdirSync(at('b'));
    const folders = new Set([at('a'), at('missing')]);
    expect(await watch.follow(folders)).toBe(true);
    expect(await watch.follow(folders)).toBe(false);
    writeFileSync(at('a', 'x'), '');
    await heard.promise;
    renameSync(at('a'), at('away'));
    renameSync(at('b'), at('a'));
    expect(await watch.follow(folders)).toBe(true);
    heard = Promise.withResolvers();
    writeFileSync(at('a', 'y'), '');
    await heard.promise;
    watch.close();
    expect(blind).toEqual([]);
    expect(await watch.follow(folders)).toBe(false);
  });

  it('says once that it sees not everything when there are more folders than it watches', async () => {
    const blind: string[] = [];
    const watch = new FolderWatch(
      () => {},
      (reason) => blind.push(reason),
    );
    const folders = new Set(Array.from({ length: 260 }, (_, i) => at(String(i))));
    for (const path of folders) mkdirSync(path);
    await watch.follow(folders);
    await watch.follow(folders);
    watch.close();
    expect(blind).toEqual(['more than 256 folders']);
  });
});
