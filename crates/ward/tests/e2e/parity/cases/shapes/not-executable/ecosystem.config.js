module.exports = {apps: [{name: 'a', script: './plain.sh', interpreter: 'none', autorestart: false}]};
