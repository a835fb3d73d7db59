module.exports = {apps: [{name: 'a', script: 'app.js', args: undefined, instances: undefined, exec_mode: undefined, cwd: null,
  node_args: null, env: {A: undefined, B: null, C: '', D: 0, E: false}, max_memory_restart: undefined, watch: undefined}]};
