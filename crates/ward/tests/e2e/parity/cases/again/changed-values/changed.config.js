module.exports = {apps: [{name: 'a', script: 'app.js', args: 'two three', env: {A: 9, B: 2, C: 3}, max_memory_restart: '200M', kill_timeout: 4000, node_args: '--no-warnings'}]};
