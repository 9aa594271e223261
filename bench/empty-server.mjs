// A bare HTTP server that reads a body and answers 200 with nothing: the ceiling H.
import { createServer } from 'node:http';

const server = createServer((incoming, answer) => {
  incoming.resume().once('end', () => answer.writeHead(200, { 'content-length': 0 }).end());
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () =>
  process.send({ url: `http://127.0.0.1:${server.address().port}` }),
);
process.once('disconnect', () => process.exit(0));
