module.exports = {apps: [{name: 'site', script: 'npm', args: 'start'}]};
