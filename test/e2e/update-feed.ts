import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const PACKAGE = Buffer.from('a newer Porthole');

/** A folder on a web server where newer versions are, as `electron-updater` reads it. */
export interface UpdateFeed {
  readonly url: string;
  /** The version that it offers; with none the folder is empty. */
  version: string | undefined;
  /** Whether the package that it names is there. */
  whole: boolean;
  close(): Promise<void>;
}

export async function startUpdateFeed(): Promise<UpdateFeed> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://feed');
    if (feed.version !== undefined && pathname.endsWith('.yml')) {
      const sha512 = createHash('sha512').update(PACKAGE).digest('base64');
      // JSON is YAML.
      const file = { url: 'Porthole.AppImage', sha512, size: PACKAGE.length };
      response.end(JSON.stringify({ version: feed.version, files: [file], releaseDate: '2026-01-01T00:00:00.000Z' }));
    } else if (feed.version !== undefined && feed.whole && pathname.endsWith('.AppImage')) response.end(PACKAGE);
    else response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A listening TCP server has an `AddressInfo`.
  const { port } = server.address() as AddressInfo;
  const feed: UpdateFeed = {
    url: `http://127.0.0.1:${port}/`,
    version: undefined,
    whole: true,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return feed;
}
