/** An HTTP origin as a process of its own, with something small and something large: `node files-origin.ts PORT`. */
import { createServer } from 'node:http';

const FILES: Readonly<Record<string, Buffer>> = { '/small': Buffer.alloc(100), '/large': Buffer.alloc(512 * 1024) };

const server = createServer((request, response) => {
  const file = FILES[request.url ?? ''];
  response.writeHead(file === undefined ? 404 : 200, { 'content-length': file?.length ?? 0 }).end(file);
});
server.listen(Number(process.argv[2]), () => console.log('{"listening":true}'));
