module.exports = {apps: [
  {name: 'a', script: 'app.js', node_args: '--max-old-space-size=512 --no-warnings'},
  {name: 'b', script: 'app.js', interpreter_args: ['--no-warnings'], exec_mode: 'cluster'},
  {name: 'c', script: 'app.js', interpreter: 'node', interpreter_args: '--trace-warnings', source_map_support: true},
  {name: 'd', script: 'app.py', interpreter: 'python3', interpreter_args: '-u'},
]};
