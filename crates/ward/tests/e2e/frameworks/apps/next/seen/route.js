import cluster from 'node:cluster'

export const dynamic = 'force-dynamic'

export function GET() {
  return Response.json({
    pid: process.pid,
    worker: cluster.worker?.id,
    isWorker: cluster.isWorker,
    script: process.argv[1],
    argv: process.argv.slice(2),
    execArgv: process.execArgv,
    env: process.env,
  })
}
