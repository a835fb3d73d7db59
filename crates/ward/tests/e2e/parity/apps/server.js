// Listens, and tells what it was given when it does.
require('http').createServer((_, answer) => answer.end('ok')).listen(0, () => require('./app.js'));
