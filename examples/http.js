// A web server that says when it is ready and finishes its requests when it is asked to stop.
const http = require('http');

const port = Number(process.env.PORT ?? 3000);
const server = http.createServer((request, response) => {
  response.end(`${process.env.GREETING ?? 'hello'} from process ${process.pid}\n`);
});

server.listen(port, () => {
  console.log(`listening on port ${port}`);
  process.send?.('ready');
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    console.log(`${signal}: closing`);
    server.close(() => process.exit(0));
    server.closeIdleConnections?.();
  });
}
