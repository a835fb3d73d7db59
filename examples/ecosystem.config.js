// Start it from anywhere: the paths count from this file.
module.exports = {
  apps: [
    {
      name: 'web',
      script: 'http.js',
      cwd: __dirname,
      wait_ready: true,
      kill_timeout: 3000,
      max_memory_restart: '200M',
      env: { PORT: 3000 },
      env_production: { NODE_ENV: 'production', GREETING: 'good day' },
    },
    { name: 'worker', script: 'worker.py', cwd: __dirname, env: { PAUSE: '2' }, restart_delay: 500 },
    { name: 'loop', script: 'loop.sh', cwd: __dirname, args: '3', time: true },
    { name: 'sleeper', script: 'sleep', cwd: __dirname, args: ['1000'], stop_exit_codes: [0] },
  ],
};
