// The folders are open beside the list on a desk, and folded above it on a phone.
const folders = document.querySelector(".aud-side-fold");
if (folders && innerWidth < 1100) folders.open = false;
