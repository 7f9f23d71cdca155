# Gives: resources/{name}/...: data of others, pinned and checked by sha256; nothing is fetched that no configuration names.
# Without network: INGOT_DOWNLOADS=<a folder that has the files>.

from ingot.downloads import known_downloads

for _download in known_downloads().values():

    rule:
        name:
            f"fetch_{_download.name.replace('-', '_')}"
        output:
            [f"resources/{_download.name}/{file.path}" for file in _download.files],
        log:
            f"resources/logs/{_download.name}.log",
        localrule: True
        conda:
            "../envs/ingot.yaml"
        threads: 1
        params:
            name=_download.name,
        message:
            "downloads: {params.name}"
        shell:
            "ingot fetch {params.name} > {log} 2>&1"
