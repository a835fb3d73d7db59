module.exports = {apps: [{name: 'a', script: 'app.js', maxRestarts: 4, minUptime: 2000, maxMemoryRestart: '150M', killTimeout: 3000,
  execMode: 'fork', mergeLogs: true, nodeArgs: '--no-warnings', outFile: './logs/out.log', errorFile: './logs/err.log', restartDelay: 10}]};
