module.exports = {apps: [
  {name: 'a', script: 'app.js', kill_timeout: 3000, listen_timeout: 8000, wait_ready: true},
  {name: 'b', script: 'app.js', kill_timeout: '900', shutdown_with_message: true, kill_retry_time: 50},
  {name: 'c', script: 'server.js', exec_mode: 'cluster', instances: 1, wait_ready: true, listen_timeout: 10000},
]};
