module.exports = {apps: [
  {name: 'a', exec: 'app.js', out: 'a-o.log', error: 'a-e.log', pid: 'a.pid', interpreter_args: '--no-warnings', cron: '0 3 * * *'},
  {name: 'b', cmd: 'app.js', output: 'b-o.log', err: 'b-e.log', log: 'b.log', combine_logs: true},
  {name: 'c', command: 'app.js', out_log: 'c-o.log', err_log: 'c-e.log', log_file: true},
]};
