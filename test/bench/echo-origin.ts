/** An origin that sends back what it gets, as a process of its own: `node echo-origin.ts PORT`. */
import net from 'node:net';

const server = net.createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.pipe(socket);
});
server.listen(Number(process.argv[2]), () => console.log('{"listening":true}'));
