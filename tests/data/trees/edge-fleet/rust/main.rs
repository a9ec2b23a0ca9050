use hf_hub::{api::sync::Api, Repo, RepoType};
fn main() {
    let api = Api::new().unwrap();
    let repo = api.model("brook/rust-bert".to_string());
    let pinned = api.repo(Repo::with_revision("brook/rust-t5".to_string(), RepoType::Model, "refs/pr/2".to_string()));
    let _ = (repo, pinned, "src/main");
}
