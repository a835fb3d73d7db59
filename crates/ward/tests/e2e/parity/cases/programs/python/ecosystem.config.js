module.exports = {apps: [
  {name: 'a', script: 'app.py'},
  {name: 'b', script: './app.py', interpreter: 'python3', args: '--workers 2'},
  {name: 'c', script: 'python3', args: ['app.py', '-x'], interpreter: 'none'},
  {name: 'd', script: 'app.py', instances: 2},
]};
