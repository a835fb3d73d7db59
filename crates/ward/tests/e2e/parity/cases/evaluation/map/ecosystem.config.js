const ports = [3001, 3002, 3003];
module.exports = {apps: ports.map((port, i) => ({name: 'node_' + i, script: 'app.js', args: ['--port', port], env: {PORT: port}}))};
