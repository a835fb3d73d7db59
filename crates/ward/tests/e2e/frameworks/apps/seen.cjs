// What a worker can say about itself.
const cluster = require('cluster')

module.exports = (main) => ({
  pid: process.pid,
  main,
  worker: cluster.worker?.id,
  isWorker: cluster.isWorker,
  isPrimary: cluster.isPrimary,
  connected: process.connected,
  node: process.versions.node,
  script: process.argv[1],
  argv: process.argv.slice(2),
  execArgv: process.execArgv,
  cwd: process.cwd(),
  env: process.env,
})
