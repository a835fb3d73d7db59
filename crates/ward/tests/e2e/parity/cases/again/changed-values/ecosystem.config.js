module.exports = {apps: [{name: 'a', script: 'app.js', args: 'one', env: {A: 1, B: 2}, max_memory_restart: '100M'}]};
