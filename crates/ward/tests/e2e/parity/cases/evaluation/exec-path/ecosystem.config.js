const os = require('os');
module.exports = {apps: [{name: 'web', script: 'app.js', interpreter: process.execPath, env: {
  CPUS: os.cpus().length, VERSION: process.version, PLATFORM: process.platform, PID: typeof process.pid}}]};
