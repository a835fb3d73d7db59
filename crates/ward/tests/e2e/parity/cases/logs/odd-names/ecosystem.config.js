module.exports = {apps: [
  {name: 'a', script: 'app.js', instances: 2, out_file: 'logs/a.txt', error_file: 'logs/noextension', pid_file: 'pids/a.pid'},
]};
