module.exports = {apps: [{name: 'sleeper', script: '/bin/sleep', args: '1000'}, {name: 'found', script: 'sleep', args: [1000]}]};
