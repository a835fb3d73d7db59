module.exports = {apps: [{name: 'site', script: 'npm', args: ['run', 'worker', '--', '--queue', 'mail'], exec_mode: 'fork', instances: 1}]};
