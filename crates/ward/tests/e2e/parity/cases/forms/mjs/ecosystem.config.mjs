export const apps = [{name: 'a', script: 'app.js', env: {A: 1}}];
